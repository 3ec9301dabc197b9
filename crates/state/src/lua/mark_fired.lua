-- ARGV[5..]: of each the key, and the lane by whose credit or ''. A deletion goes first, so that a full Redis does not
-- refuse the script.
for i = 5, #ARGV, 2 do
  leave(ARGV[i])
  if redis.call('HEXISTS', entries, ARGV[i]) == 1 then
    redis.call('HSET', fired, ARGV[i], ARGV[i + 1])
  end
end
return {'marked', waiting()}

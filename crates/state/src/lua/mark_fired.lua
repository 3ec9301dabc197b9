-- ARGV[5..]: keys. ZREM goes first, so that a full Redis does not refuse the script.
for i = 5, #ARGV do
  if redis.call('HEXISTS', entries, ARGV[i]) == 1 then
    redis.call('ZREM', due, ARGV[i])
    redis.call('SADD', fired, ARGV[i])
  end
end
return {'marked'}

-- ARGV[5..]: key and lane of each. A deletion goes first, so that a full Redis does not refuse the script.
for i = 5, #ARGV, 2 do
  local key, lane = ARGV[i], ARGV[i + 1]
  if redis.call('ZREM', due, key) == 1 then
    local packed = redis.call('HGET', entries, key)
    if not packed then
      return {'mismatch'}
    end
    packed = packed:sub(1, 8) .. string.char(packed:byte(9) + 2) .. lane .. packed:sub(10)
    redis.call('HSET', entries, key, packed)
    park(lane, packed, key)
  end
end
return {'held', waiting()}

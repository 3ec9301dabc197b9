-- ARGV[5..]: key and lane of each. A deletion goes first, so that a full Redis does not refuse the script.
for i = 5, #ARGV, 2 do
  local key, lane = ARGV[i], ARGV[i + 1]
  if redis.call('ZREM', due, key) == 1 then
    local packed = redis.call('HGET', entries, key)
    if not packed then
      return {'mismatch'}
    end
    local number = name(lane)
    packed = packed:sub(1, 20) .. string.char(packed:byte(21) + LANE) .. number
    redis.call('HSET', entries, key, packed)
    park(number, packed, key)
  end
end
if broken then
  return {'mismatch'}
end
if next(known) then
  remember()
end
return {'held', waiting()}

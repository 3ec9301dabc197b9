-- ARGV[5..6]: limit, bytes_max.
local picked, bytes = {'picked'}, 0
for _, key in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[3], 'LIMIT', 0, ARGV[5])) do
  if bytes >= tonumber(ARGV[6]) then
    break
  end
  local value = redis.call('HGET', entries, key)
  if not value then
    return {'mismatch'}
  end
  picked[#picked + 1] = key
  picked[#picked + 1] = value
  -- Without the due time that stands before it.
  bytes = bytes + #key + #value - 8
end
return picked

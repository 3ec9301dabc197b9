-- ARGV[5]: limit.
local picked = {'picked'}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[3], 'LIMIT', 0, ARGV[5])) do
  local value = redis.call('HGET', entries, key)
  if not value then
    return {'mismatch'}
  end
  picked[#picked + 1] = key
  picked[#picked + 1] = value
end
return picked

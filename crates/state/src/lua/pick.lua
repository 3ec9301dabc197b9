-- ARGV[6]: limit.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[3], 'LIMIT', 0, ARGV[6])) do
  if bytes >= bytes_max then
    break
  end
  if not add(key, '') then
    return {'mismatch'}
  end
end
return {'picked', picked}

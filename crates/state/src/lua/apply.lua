-- ARGV[5..6]: upto, as_of_ms or ''; then three for each change: key, due_at_ms or '' for a tombstone, due time and value.
for i = 7, #ARGV, 3 do
  local key, due_at_ms = ARGV[i], ARGV[i + 1]
  if due_at_ms == '' then
    redis.call('HDEL', entries, key)
    redis.call('ZREM', due, key)
    redis.call('SREM', fired, key)
  else
    redis.call('HSET', entries, key, ARGV[i + 2])
    -- It ends the mark: the tombstone between may have been compacted away.
    redis.call('SREM', fired, key)
    redis.call('ZADD', due, due_at_ms, key)
  end
end
local stored = redis.call('HLEN', entries)
redis.call('HSET', meta, 'applied', ARGV[5], 'entries', stored)
if ARGV[6] ~= '' then
  redis.call('HSET', meta, 'as_of_ms', ARGV[6])
end
return {'applied', stored}

-- ARGV[5..6]: upto, as_of_ms or ''; then three for each change: key, due_at_ms, packed entry or '' for a tombstone.
for i = 7, #ARGV, 3 do
  local key, due_at_ms, packed = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if packed == '' then
    leave(key)
    redis.call('HDEL', entries, key)
  else
    -- The put is the first write, so that a full Redis refuses it, also where it replaces.
    local was = redis.call('HGET', entries, key)
    redis.call('HSET', entries, key, packed)
    if was then
      -- It ends the mark, too: the tombstone between may have been compacted away.
      leave(key, was)
    end
    local lane = lane_of(packed)
    if lane then
      park(lane, packed, key)
    else
      redis.call('ZADD', due, due_at_ms, key)
    end
  end
end
local stored = redis.call('HLEN', entries)
-- Of an apply without changes this is the first write: a full Redis must not keep the position from being renewed.
redis.call('HDEL', meta, 'applied', 'entries')
redis.call('HSET', meta, 'applied', ARGV[5], 'entries', stored)
if ARGV[6] ~= '' then
  redis.call('HSET', meta, 'as_of_ms', ARGV[6])
end
return {'applied', stored, waiting()}

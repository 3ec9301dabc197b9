-- ARGV[1..5]: owner, layout, now_ms, age_max_ms, reset (0 or 1).
local seen
if ARGV[5] == '0' then
  seen = redis.call('HMGET', meta, 'layout', 'applied', 'as_of_ms', 'entries', 'values', 'waiting', 'lanes', 'bytes',
    'number')
  if seen[1] ~= ARGV[2] or not seen[2] or not seen[3] or torn(seen[4], seen[5], seen[6], seen[7])
    or not young(ARGV[3], seen[3], ARGV[4]) then
    seen = nil
  end
end
if not seen then
  seen = {ARGV[2], '-1', ARGV[3], 0, 0, 0, 0, 0, 0}
  redis.call('UNLINK', entries, values, due, fired, parked, lanes, names)
end
-- A full Redis refuses a script whose first write may take memory; after a deletion it goes on. An owner must be able
-- to take over then, for the tombstones that it applies make room.
redis.call('UNLINK', meta)
redis.call('HSET', meta, 'owner', ARGV[1], 'layout', ARGV[2], 'applied', seen[2], 'as_of_ms', seen[3],
  'entries', seen[4], 'values', seen[5], 'waiting', seen[6], 'lanes', seen[7], 'bytes', seen[8] or 0,
  'number', seen[9] or 0)
return {'taken_over', seen[2], seen[3], redis.call('HGETALL', lanes), redis.call('HGETALL', fired)}

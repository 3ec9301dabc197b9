-- ARGV[1..5]: owner, layout, now_ms, age_max_ms, reset (0 or 1).
local applied, as_of_ms, stored
if ARGV[5] == '0' then
  local seen = redis.call('HMGET', meta, 'layout', 'applied', 'as_of_ms', 'entries')
  if seen[1] == ARGV[2] and seen[2] and seen[3] and not torn(seen[4]) and young(ARGV[3], seen[3], ARGV[4]) then
    applied, as_of_ms, stored = seen[2], seen[3], seen[4]
  end
end
if not applied then
  applied, as_of_ms, stored = '-1', ARGV[3], 0
  redis.call('UNLINK', entries, due, fired, parked, lanes)
end
-- A full Redis refuses a script whose first write may take memory; after a deletion it goes on. An owner must be able
-- to take over then, for the tombstones that it applies make room.
redis.call('UNLINK', meta)
redis.call('HSET', meta, 'owner', ARGV[1], 'layout', ARGV[2], 'applied', applied, 'as_of_ms', as_of_ms,
  'entries', stored)
return {'taken_over', applied, as_of_ms, redis.call('HGETALL', lanes), redis.call('HGETALL', fired)}

-- Begins every script but take_over. ARGV[1..4]: owner, applied, now_ms, age_max_ms.
-- Owner and applied are compared as text, for Lua's numbers would round them.
local seen = redis.call('HMGET', meta, 'owner', 'applied', 'as_of_ms', 'entries', 'values', 'waiting', 'lanes', 'bytes',
  'number')
if seen[1] ~= ARGV[1] or seen[2] ~= ARGV[2] or not seen[3] or torn(seen[4], seen[5], seen[6], seen[7]) then
  return {'mismatch'}
end
if not young(ARGV[3], seen[3], ARGV[4]) then
  return {'too_old'}
end

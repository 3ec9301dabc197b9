-- ARGV[5..]: of each the key, and the lane by whose credit, which follows a '+', or ''. A deletion goes first, so that a
-- full Redis does not refuse the script.
local changed = false
for i = 5, #ARGV, 2 do
  local key, by = ARGV[i], ARGV[i + 1]
  local packed = redis.call('HGET', entries, key)
  if packed then
    leave(key, packed)
    redis.call('HSET', fired, key, by ~= '' and name(by:sub(2)) or '')
    -- Only its tombstone is waited for.
    forget_value(key, packed)
    changed = true
  end
end
if broken then
  return {'mismatch'}
end
if changed then
  remember()
end
return {'marked', waiting()}

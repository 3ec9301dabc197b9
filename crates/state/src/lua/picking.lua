-- For the scripts that pick. ARGV[5]: bytes_max. Of each entry: key, packed entry, name of its lane or '', value or nil.
local picked, bytes, bytes_max = {}, 0, tonumber(ARGV[5])

-- Whether the entry was there.
local function add(key, lane)
  local packed = redis.call('HGET', entries, key)
  if packed then
    local n = #picked
    picked[n + 1], picked[n + 2], picked[n + 3] = key, packed, lane
    picked[n + 4] = redis.call('HGET', values, key)
    bytes = bytes + #key + bytes_of(packed)
  end
  return packed
end

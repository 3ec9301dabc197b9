-- For the scripts that pick. ARGV[5]: bytes_max.
local picked, bytes, bytes_max = {}, 0, tonumber(ARGV[5])

-- Whether the entry was there.
local function add(key)
  local packed = redis.call('HGET', entries, key)
  if packed then
    picked[#picked + 1] = key
    picked[#picked + 1] = packed
    -- The value without what stands before it.
    bytes = bytes + #key + #packed - 9 - #(lane_of(packed) or '')
  end
  return packed
end

-- ARGV[6..]: lanes, and how many each asks for.
-- What place() of places.lua made of a key, which follows the lane's number and the due time.
local function key_of(found)
  return (found:sub(11):gsub('%z(.)', function(count)
    return ('\0'):rep(255 - count:byte())
  end))
end

for i = 6, #ARGV, 2 do
  local lane = ARGV[i]
  local number = redis.call('HGET', names, lane)
  if number then
    -- All that begins with the number; the largest one given has none above it in use.
    local first, beyond = '[' .. number, '(' .. struct.pack('>I4', struct.unpack('>I4', number) + 1)
    for _, found in ipairs(redis.call('ZRANGEBYLEX', parked, first, beyond, 'LIMIT', 0, ARGV[i + 1])) do
      if bytes >= bytes_max then
        return {'parked', picked}
      end
      if not add(key_of(found), lane) then
        return {'mismatch'}
      end
    end
  end
end
return {'parked', picked}

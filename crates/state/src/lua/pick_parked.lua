-- ARGV[6..]: lanes, and how many each asks for.
for i = 6, #ARGV, 2 do
  local lane = ARGV[i]
  -- All that begins with the lane; its last byte is 0.
  local first, beyond = '[' .. lane, '(' .. lane:sub(1, -2) .. '\1'
  for _, found in ipairs(redis.call('ZRANGEBYLEX', parked, first, beyond, 'LIMIT', 0, ARGV[i + 1])) do
    if bytes >= bytes_max then
      return {'parked', picked}
    end
    -- What follows the lane and the due time.
    if not add(found:sub(#lane + 9)) then
      return {'mismatch'}
    end
  end
end
return {'parked', picked}

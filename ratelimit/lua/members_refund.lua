for i = 1, n do redis.call('ZREM', KEYS[1], string.format('%s:%d', id, i)) end
return { 1 }

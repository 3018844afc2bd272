-- Lua: coroutines, closures, the collector, files, patterns. Prints only what is the same everywhere.
local function sieve(limit)
  local composite, found = {}, {}
  for n = 2, limit do
    if not composite[n] then
      found[#found + 1] = n
      for multiple = n * n, limit, n do composite[multiple] = true end
    end
  end
  return found
end
local primes = sieve(10000)
print("primes below 10000", #primes, primes[#primes])

local function producer(count)
  return coroutine.wrap(function() for i = 1, count do coroutine.yield(i * i) end end)
end
local sum = 0
for square in producer(1000) do sum = sum + square end
print("sum of squares", sum)

-- Far more garbage than memory: the collector must return it.
local kept = {}
for round = 1, 200 do
  local block = {}
  for i = 1, 1000 do block[i] = ("item " .. i):rep(3) end
  kept[round % 5] = block
end
collectgarbage("collect")
print("collected", collectgarbage("count") < 8192)

local path = os.tmpname()
local file = assert(io.open(path, "w"))
for i = 1, 100 do file:write(("line %d\n"):format(i)) end
file:close()
local words = 0
for line in io.lines(path) do for _ in line:gmatch("%a+") do words = words + 1 end end
os.remove(path)
print("words", words, io.open(path) == nil)

local good, problem = pcall(function() error({ code = 42 }) end)
print("error caught", good, problem.code)

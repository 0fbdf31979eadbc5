# The chain rule with numbers: every derivative worked out by hand.
x = 2
y = 3
z = 5

p = x * y      # 6
q = y + z      # 8
s = p * q      # 48
L = s + 4 * x  # 56

ds = 1
dp = 8
dq = 6
dx = 3 * 8 + 4
dy = 2 * 8 + 6
dz = 6
print(L, dx, dy, dz)

# J(a, b, c) = 3 * (a + b * c)
a = 7
b = 4
c = 2

# forward
u = b * c
v = a + u
J = 3 * v
print(u, v, J)

# backward: one node after the other
dv = 3
du = dv * 1
da = dv * 1
db = 3 * 2
dc = du * b
print("dv, du, da, db, dc =", dv, du, da, db, dc)

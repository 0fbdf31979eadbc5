# coding: utf-8
# 计算图: b 有两条路径通向 J
a = 1
b = 2
c = 3

u = a * b        # 前向传播
v = u + c
J = 2 * (v + b)
print('u =', u, ', v =', v, ', J =', J)

dv = 2           # 反向传播
dc = dv * 1
du = 2 * 1
da = du * b
db = 2 + du * a
print('da =', da, 'db =', db, 'dc =', dc)

learning_rate = 0.1
a = a - learning_rate * da
b = b - learning_rate * db
c = c - learning_rate * dc

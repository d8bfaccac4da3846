import sqlite3

database = sqlite3.connect(":memory:")
database.execute("create table t (a integer, b text)")
database.executemany("insert into t values (?, ?)", [(1, "one"), (2, "two")])
print(database.execute("select sum(a), group_concat(b) from t").fetchall())

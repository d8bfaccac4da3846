import sqlite3

one = sqlite3.connect("data.db", isolation_level=None)
one.execute("create table t (a)")
one.execute("begin exclusive")
sqlite3.connect("data.db", timeout=0).execute("insert into t values (1)")

import os
import sqlite3

with sqlite3.connect("data.db") as database:
    database.execute("create table t (a)")
    database.execute("insert into t values (42)")
database.close()
print(sqlite3.connect("data.db").execute("select a from t").fetchone(), sorted(os.listdir()))

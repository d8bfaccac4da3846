import sqlite3

database = sqlite3.connect("data.db")
print(database.execute("pragma journal_mode=wal").fetchone())
database.execute("create table t (a)")
database.execute("insert into t values (1)")
database.commit()
print(sqlite3.connect("data.db").execute("select count(*) from t").fetchone())

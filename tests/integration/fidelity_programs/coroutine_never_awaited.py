async def forgotten():
    pass


forgotten()
print("done")

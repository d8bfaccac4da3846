import multiprocessing

with multiprocessing.Manager() as manager:
    shared = manager.dict(a=1)
    process = multiprocessing.Process(target=shared.update, kwargs={"b": 2})
    process.start()
    process.join()
    print(dict(shared))

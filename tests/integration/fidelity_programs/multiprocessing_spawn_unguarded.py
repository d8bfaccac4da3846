import multiprocessing

if __name__ != "__main__":
    print("imported again", __name__)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print, args=("in the child",))
    process.start()
    process.join()
    print(process.exitcode)

import faulthandler

print(faulthandler.is_enabled())
with open("trace", "w+") as file:
    faulthandler.dump_traceback(file, all_threads=False)
    file.seek(0)
    # the first line names the thread by its address
    print(file.readlines()[1:])

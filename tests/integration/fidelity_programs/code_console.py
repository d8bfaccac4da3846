import code

# stdin is empty, so the console ends at once
code.interact(banner="hello", local={}, exitmsg="bye")

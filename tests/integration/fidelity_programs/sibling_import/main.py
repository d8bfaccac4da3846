import helper

print(helper.greet("world"))
print(helper.__file__, helper.__name__)

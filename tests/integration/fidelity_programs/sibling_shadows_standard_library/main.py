import colorsys

print(colorsys.rgb_to_hsv(1, 2, 3), colorsys.__file__)

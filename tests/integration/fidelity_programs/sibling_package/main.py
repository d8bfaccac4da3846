from shapes import area
from shapes.round import circle

print(area.square(3), circle(1))
import shapes

print(shapes.__path__, shapes.__name__)

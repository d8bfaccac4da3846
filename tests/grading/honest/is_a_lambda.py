# origin: own

square_perimeter = lambda a: a + a + a + a

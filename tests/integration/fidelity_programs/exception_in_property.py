class Thing:
    @property
    def value(self):
        return self.missing


Thing().value

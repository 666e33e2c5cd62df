class Shop:
    def open(self): pass
class Town:
    shops: list[Shop]
    main: "Shop"
    def __init__(self, main: Shop, shops: list[Shop]):
        self.main = main
        self.shops = shops
    def wake(self):
        self.main.open()
        for shop in self.shops:
            shop.open()
def find() -> "Shop | None": return Shop()
def visit(shop: Shop) -> Shop:
    shop.open()
    return shop
Town(Shop(), [Shop()]).wake()
visit(find()).open()
class Block:
    def add(self): pass
class Inline:
    def add(self): pass
class Rules:
    def __init__(self):
        self.rules = {"block": self.block, "inline": self.inline}
    def block(self, state: Block): state.add()
    def inline(self, state: "Inline | None"): state.add()
    def run(self, name, state): self.rules[name](state)
Rules().run("block", Block())
Rules().run("inline", Inline())

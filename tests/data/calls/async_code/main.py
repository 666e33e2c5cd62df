import asyncio
class Client:
    async def __aenter__(self): return self
    async def __aexit__(self, *error): pass
    async def get(self): return parse()
def parse(): pass
async def fetch():
    async with Client() as client:
        await client.get()
async def main():
    await fetch()
    await asyncio.gather(fetch())
asyncio.run(main())

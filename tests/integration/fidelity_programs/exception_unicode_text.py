raise ValueError("ünïcode 日本 \udcff")

print("naïve — 日本語 — 🐍")

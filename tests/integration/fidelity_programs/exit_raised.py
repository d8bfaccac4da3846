raise SystemExit(17)

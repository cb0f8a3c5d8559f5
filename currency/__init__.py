"""The plain words that everybody shares: amounts and wallet numbers. Imports nothing of ours."""

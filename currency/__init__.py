"""Amounts, wallet numbers and texts of refusals, for all packages. It imports only `language`."""

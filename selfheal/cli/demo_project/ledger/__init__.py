"""Prices, stock, invoices and reports of a small shop; amounts are whole cents."""

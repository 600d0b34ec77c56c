"""What every other part stands on: clock, store, regions, limits, what is unverified. Imports none of them."""

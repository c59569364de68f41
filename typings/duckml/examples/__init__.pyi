from examples import house_prices as house_prices

from regent import TokenSource

source = TokenSource("cad")
token = source.token(min_ttl=30)
print(token.instance, round(token.expires_in), "s left")

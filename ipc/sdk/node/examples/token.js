const { TokenSource } = require("..");

const source = new TokenSource("cad");
source.get({ minTtl: 30 }).then((token) => {
  console.log(token.instance, Math.round(token.expiresIn), "s left");
  source.close();
});

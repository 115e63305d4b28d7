#include "regent.h"
#include <stdio.h>

int main(void)
{
	regent_source *src;
	regent_token_value tok;
	int err = regent_open("cad", &src);
	if (!err)
		err = regent_token(src, 30, &tok);
	if (err) {
		fprintf(stderr, "%s: %s\n", regent_strerror(err), regent_detail());
		regent_close(src);
		return 1;
	}
	printf("%s, %.0f s left\n", tok.instance, tok.expires_in);
	regent_token_clear(&tok);
	regent_close(src);
	return 0;
}

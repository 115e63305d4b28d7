#include "regent.hpp"
#include <iostream>

int main()
{
	try {
		regent::token_source source{"cad"};
		auto token = source.get(std::chrono::seconds{30});
		std::cout << token.instance() << ", " << static_cast<long>(token.expires_in().count()) << " s left\n";
	} catch (const regent::error &e) {
		std::cerr << e.code() << ": " << e.what() << "\n";
		return 1;
	}
}

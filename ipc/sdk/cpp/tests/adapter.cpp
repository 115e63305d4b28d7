// The adapter of the C++ header for the conformance cases.
#include "../regent.hpp"

#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <vector>

static_assert(!std::is_copy_constructible_v<regent::token>);
static_assert(std::is_nothrow_move_constructible_v<regent::token>);

static std::unique_ptr<regent::token_source> source;
static std::optional<regent::token> last;

static std::string text(const regent::error &e)
{
	return "error " + e.code() + " " + std::to_string(e.retry_after().count());
}

static std::string text(const regent::token &t)
{
	return std::string{"token "} + t.access_token() + " " + std::string{t.instance()} + " " + std::to_string(t.generation());
}

// get uses both forms by turns: they must agree.
static std::string get(long min_ttl, std::optional<regent::token> &kept)
{
	static bool throws;
	if ((throws = !throws)) {
		try {
			kept = source->get(std::chrono::seconds{min_ttl});
		} catch (const regent::error &e) {
			return text(e);
		}
		return text(*kept);
	}
	auto r = source->try_get(std::chrono::seconds{min_ttl});
	if (!r)
		return text(r.error());
	kept = std::move(*r);
	return text(*kept);
}

static std::string replaced()
{
	try {
		source->invalidate(*last);
		return text(source->get());
	} catch (const regent::error &e) {
		return text(e);
	}
}

static std::string threads(int n, bool replaces)
{
	std::vector<std::string> lines(static_cast<std::size_t>(n));
	std::vector<std::thread> all;
	for (auto &line : lines)
		all.emplace_back([&line, replaces] {
			if (replaces) {
				line = replaced();
				return;
			}
			auto r = source->try_get();
			line = r ? text(*r) : text(r.error());
		});
	for (auto &t : all)
		t.join();
	for (const auto &line : lines)
		if (line != lines[0])
			return "mixed " + lines[0] + " | " + line;
	return lines[0];
}

static std::string fork_child()
{
	int p[2];
	char out[1024];
	if (pipe(p))
		return "error no pipe";
	pid_t child = fork();
	if (!child) {
		std::string line = get(0, last);
		_exit(write(p[1], line.data(), line.size()) < 0);
	}
	close(p[1]);
	ssize_t n = read(p[0], out, sizeof out);
	close(p[0]);
	waitpid(child, nullptr, 0);
	return {out, static_cast<std::size_t>(n > 0 ? n : 0)};
}

static std::string show()
{
	std::ostringstream out;
	out << "show " << *last;
	return out.str();
}

static std::string run(const std::string &command, const std::string &rest)
{
	if (command == "open") {
		source = std::make_unique<regent::token_source>(rest);
		return "ok";
	}
	if (command == "token")
		return get(std::stol(rest), last);
	if (command == "replace") {
		std::string line = replaced();
		if (line.rfind("token", 0) == 0)
			last = source->get();
		return line;
	}
	if (command == "threads" || command == "threads-replace")
		return threads(std::stoi(rest), command != "threads");
	if (command == "fork")
		return fork_child();
	if (command == "show")
		return show();
	return "error unknown command";
}

// check_moves fails unless a token that was moved from is empty, and an ID with a zero is
// refused.
static bool check_moves()
{
	std::optional<regent::token> kept;
	get(0, kept);
	if (!kept)
		return true;
	regent::token moved = std::move(*kept), other = std::move(moved);
	moved = std::move(other);
	try {
		regent::token_source{std::string("cad\0x", 5)};
		return false;
	} catch (const regent::error &e) {
		return e.code() == "invalid_request" && *kept->access_token() == 0 && kept->instance().empty() && *other.access_token() == 0 && !moved.instance().empty();
	}
}

int main()
{
	source = std::make_unique<regent::token_source>("cad");
	for (std::string line; std::getline(std::cin, line);) {
		if (line == "show" && !check_moves()) {
			std::cout << "error moves" << std::endl;
			continue;
		}
		auto space = line.find(' ');
		std::cout << run(line.substr(0, space), space == std::string::npos ? "" : line.substr(space + 1)) << std::endl;
	}
}

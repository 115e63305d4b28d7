// regent.hpp: access tokens for C++17 programs that are licensed through Sentinel Cloud LM.
//
//   regent::token_source source{"cad"};
//   auto token = source.get(std::chrono::seconds{30});          // throws regent::error
//   if (auto r = source.try_get()) use(r->access_token());       // does not throw regent::error
//   else log(r.error().code());
//
// It is a header over the C library: compile regent.c with your program. A source is
// thread-safe. Many threads that wait cause one request.
#ifndef REGENT_HPP
#define REGENT_HPP

#include "regent.h"

#include <chrono>
#include <new>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace regent {

// An error of the library or of the agent. what() says what is wrong and, if known, what to do next.
class error : public std::runtime_error {
public:
	// number is a REGENT_ constant of regent.h.
	int number() const noexcept { return number_; }

	// code is the code of the protocol, such as "denied".
	const std::string &code() const noexcept { return code_; }

	// retry_after is when another try may help; 0 s if the agent named no time.
	std::chrono::seconds retry_after() const noexcept { return retry_after_; }

	// last returns the error of the call in this thread that just failed with number.
	static error last(int number)
	{
		std::string text = regent_strerror(number), detail = regent_detail();
		return error{number, detail.empty() ? text : text + ": " + detail};
	}

private:
	error(int number, const std::string &text)
	    : std::runtime_error{text}, number_{number}, code_{regent_code()}, retry_after_{regent_retry_after()}
	{
	}

	int number_;
	std::string code_;
	std::chrono::seconds retry_after_;
};

// A token. Its destructor wipes the text. It prints as [redacted].
class token {
public:
	// A token that was moved from is empty: its texts are "".
	token(token &&other) noexcept : value_{std::exchange(other.value_, {})} {}
	token &operator=(token &&other) noexcept
	{
		if (this != &other) {
			regent_token_clear(&value_);
			value_ = std::exchange(other.value_, {});
		}
		return *this;
	}
	token(const token &) = delete;
	token &operator=(const token &) = delete;
	~token() { regent_token_clear(&value_); }

	// access_token is the value for "Authorization: Bearer". The pointer is valid until the token is destroyed.
	const char *access_token() const noexcept { return text(value_.access_token); }

	// instance is for example "cad/1".
	std::string_view instance() const noexcept { return text(value_.instance); }

	// tenant is the base URL of the service.
	std::string_view tenant() const noexcept { return text(value_.tenant); }

	// generation rises by one with each refresh.
	unsigned long generation() const noexcept { return value_.generation; }

	// expires_in is above 0 when the source returned the token.
	std::chrono::duration<double> expires_in() const noexcept { return std::chrono::duration<double>{value_.expires_in}; }

	friend std::ostream &operator<<(std::ostream &out, const token &) { return out << "[redacted]"; }

private:
	friend class token_source;
	token() = default;
	static const char *text(const char *s) noexcept { return s ? s : ""; }
	regent_token_value value_{};
};

// A token, or the error why there is none.
class result {
public:
	explicit operator bool() const noexcept { return std::holds_alternative<token>(value_); }

	// value returns the token. It throws the error if there is none.
	token &value()
	{
		if (!*this)
			throw error();
		return std::get<token>(value_);
	}
	token *operator->() { return &value(); }
	token &operator*() { return value(); }

	// error may be called only if there is no token.
	const regent::error &error() const { return std::get<regent::error>(value_); }

private:
	friend class token_source;
	explicit result(token &&t) : value_{std::move(t)} {}
	explicit result(regent::error &&e) : value_{std::move(e)} {}
	std::variant<token, regent::error> value_;
};

// A source of the tokens of one application. Keep it as long as the program runs.
class token_source {
public:
	// It connects to nothing yet. It throws regent::error if the ID is not valid.
	explicit token_source(const std::string &application)
	{
		bool cut = application.find('\0') != std::string::npos; // the library of C would not see the rest
		if (int err = regent_open(cut ? "" : application.c_str(), &source_))
			throw error::last(err);
	}
	token_source(const token_source &) = delete;
	token_source &operator=(const token_source &) = delete;
	~token_source() { regent_close(source_); }

	// get returns a token that is valid now and, if possible, for min_ttl. It comes from
	// memory nearly always. It throws regent::error on failure.
	token get(std::chrono::seconds min_ttl = {}) { return std::move(try_get(min_ttl).value()); }

	// try_get does the same as get. It returns the error in place of throwing it. It can
	// throw std::bad_alloc.
	result try_get(std::chrono::seconds min_ttl = {})
	{
		token t;
		if (int err = regent_token(source_, static_cast<long>(min_ttl.count()), &t.value_))
			return failed(err);
		return result{std::move(t)};
	}

	// invalidate reports that the service refused a token with 401, and waits for another
	// one, which the next get returns. It throws regent::error on failure. The agent does
	// this at most once a minute for an instance. Then the code is "throttled".
	void invalidate(const token &rejected)
	{
		if (int err = regent_invalidate(source_, &rejected.value_))
			throw error::last(err);
	}

private:
	static result failed(int err)
	{
		if (err == REGENT_NO_MEMORY)
			throw std::bad_alloc{};
		return result{error::last(err)};
	}

	regent_source *source_ = nullptr;
};

} // namespace regent

#endif

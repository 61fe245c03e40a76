// SPDX-License-Identifier: Apache-2.0
// verify ARTIFACT BUNDLE POLICY, in C++: handles in std::unique_ptr.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include <trustbuild/trustbuild.h>

template <typename T, T *(*Unref)(T *)> struct Unrefer {
	void operator()(T *handle) const { Unref(handle); }
};
template <typename T, T *(*Unref)(T *)> using Handle = std::unique_ptr<T, Unrefer<T, Unref>>;

static std::string slurp(const char *path)
{
	std::ifstream file(path, std::ios::binary);
	return { std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>() };
}

static trb_bytes view(const std::string &text)
{
	return { reinterpret_cast<const uint8_t *>(text.data()), text.size() };
}

static int refuse(trb_error *error)
{
	Handle<trb_error, trb_error_unref> owner(error);
	const char *check = trb_error_check(error);
	std::cerr << "refused" << (check ? std::string(" by ") + check : "") << ": "
		  << trb_error_message(error) << '\n';
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		std::cerr << "usage: verify ARTIFACT BUNDLE POLICY\n";
		return 2;
	}
	const std::string bundle_text = slurp(argv[2]), policy_text = slurp(argv[3]);
	trb_error *error = nullptr;
	trb_bundle *bundle = nullptr;
	trb_policy *policy = nullptr;
	trb_verifier *verifier = nullptr;
	trb_claims *claims = nullptr;

	if (trb_bundle_parse(view(bundle_text), &bundle, &error) != TRB_OK)
		return refuse(error);
	Handle<trb_bundle, trb_bundle_unref> bundle_owner(bundle);
	if (trb_policy_parse(view(policy_text), &policy, &error) != TRB_OK)
		return refuse(error);
	Handle<trb_policy, trb_policy_unref> policy_owner(policy);
	if (trb_verifier_new(nullptr, policy, &verifier, &error) != TRB_OK)
		return refuse(error);
	Handle<trb_verifier, trb_verifier_unref> verifier_owner(verifier);
	const int fd = open(argv[1], O_RDONLY);
	const int r = trb_verifier_check_fd(verifier, bundle, fd, argv[1], &claims, nullptr, &error);
	close(fd);
	if (r != TRB_OK)
		return refuse(error);
	Handle<trb_claims, trb_claims_unref> claims_owner(claims);
	std::cout << trb_claims_get_artifact(claims) << " is built from "
		  << trb_claims_get_repository(claims) << " at " << trb_claims_get_commit(claims) << '\n';
	return 0;
}

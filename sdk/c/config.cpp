// Configuration: the host's callbacks as the ports that the engine knows.
#include <cstddef>
#include <cstring>

#include "sdk/c/handles.hpp"

namespace satchel::c {
namespace {

constexpr std::uint32_t kRequestTimeoutMs = 30'000;

// Fields beyond what an older header knew read as zero.
template <class Struct>
Result<Struct> copy_struct(const Struct* given, std::size_t size_min) {
  Struct copy{};
  if (given->struct_size < size_min) return Error{Errc::kInvalidArgument, "struct_size is not set"};
  std::memcpy(&copy, given, std::min<std::size_t>(given->struct_size, sizeof(Struct)));
  return copy;
}

// Asks the host and waits for its answer.
template <class Ask>
Result<Bytes> ask_host(std::chrono::milliseconds timeout, Ask&& ask) {
  const auto shared = std::make_shared<sdk::HostRequest>();
  auto token = std::make_unique<satchel_request>();
  token->request = shared;
  ask(token.release());
  return shared->wait(timeout);
}

class HostKeys final : public crypto::KeyProvider {
 public:
  HostKeys(const satchel_key_provider& host, std::chrono::milliseconds timeout)
      : host_(host), timeout_(timeout) {}

  Status put(crypto::RootGeneration generation, const crypto::Key32& key) override {
    const ByteView bytes = key.bytes();
    auto done = ask_host(timeout_, [&](satchel_request* request) {
      host_.put(host_.user, generation, reinterpret_cast<const uint8_t*>(bytes.data()),
                bytes.size(), request);
    });
    if (!done) return done.error();
    return {};
  }
  Result<crypto::Key32> get(crypto::RootGeneration generation) override {
    auto bytes = ask_host(
        timeout_, [&](satchel_request* request) { host_.get(host_.user, generation, request); });
    if (!bytes) return bytes.error();
    auto key = crypto::Key32::from_bytes(*bytes);
    crypto::secure_zero(*bytes);
    return key;
  }
  Status destroy(crypto::RootGeneration generation) override {
    auto done = ask_host(timeout_, [&](satchel_request* request) {
      host_.destroy(host_.user, generation, request);
    });
    if (!done) return done.error();
    return {};
  }
  Result<std::vector<crypto::RootGeneration>> list() override {
    auto bytes =
        ask_host(timeout_, [&](satchel_request* request) { host_.list(host_.user, request); });
    if (!bytes) return bytes.error();
    if (bytes->size() % sizeof(std::uint32_t) != 0)
      return Error{Errc::kKeyProvider, "a list of another form"};
    std::vector<crypto::RootGeneration> generations(bytes->size() / sizeof(std::uint32_t));
    // An empty vector has no address that memcpy may be given.
    if (!generations.empty()) std::memcpy(generations.data(), bytes->data(), bytes->size());
    return generations;
  }
  [[nodiscard]] crypto::KeyStrength strength() const override {
    return static_cast<crypto::KeyStrength>(host_.strength);
  }

 private:
  satchel_key_provider host_;
  std::chrono::milliseconds timeout_;
};

class HostSigner final : public crypto::Signer {
 public:
  HostSigner(const satchel_signer& host, std::chrono::milliseconds timeout)
      : host_(host), timeout_(timeout) {}
  [[nodiscard]] Bytes public_key() const override {
    return Bytes{reinterpret_cast<const char*>(host_.public_key), sizeof(host_.public_key)};
  }
  Result<Bytes> sign(ByteView message) override {
    return ask_host(timeout_, [&](satchel_request* request) {
      host_.sign(host_.user, reinterpret_cast<const uint8_t*>(message.data()), message.size(),
                 request);
    });
  }

 private:
  satchel_signer host_;
  std::chrono::milliseconds timeout_;
};

Status add_keys(const satchel_config& given, std::chrono::milliseconds timeout,
                sdk::Config& config) {
  if (given.key_provider != nullptr) {
    auto keys = copy_struct(given.key_provider, sizeof(satchel_key_provider));
    if (!keys) return keys.error();
    if (keys->put == nullptr || keys->get == nullptr || keys->destroy == nullptr ||
        keys->list == nullptr || keys->strength < SATCHEL_STRENGTH_HARDWARE ||
        keys->strength > SATCHEL_STRENGTH_FILE) {
      return Error{Errc::kInvalidArgument, "the key provider lacks a function or its strength"};
    }
    config.key_provider = std::make_shared<HostKeys>(*keys, timeout);
  }
  if (given.signer != nullptr) {
    auto signer = copy_struct(given.signer, sizeof(satchel_signer));
    if (!signer) return signer.error();
    if (signer->sign == nullptr)
      return Error{Errc::kInvalidArgument, "the signer lacks its function"};
    config.signer = std::make_shared<HostSigner>(*signer, timeout);
  }
  return {};
}

}  // namespace

Result<sdk::Config> to_config(const satchel_config* config) {
  if (config == nullptr) return missing();
  auto given = copy_struct(config, offsetof(satchel_config, key_file));
  if (!given) return given.error();
  if (given->path.size == 0)
    return Error{Errc::kInvalidArgument, "the configuration names no path"};
  sdk::Config made;
  made.path = std::string{view(given->path)};
  made.key_file = std::string{view(given->key_file)};
  made.install_file = std::string{view(given->install_file)};
  made.boot_id_file = std::string{view(given->boot_id_file)};
  made.connect = std::string{view(given->connect)};
  made.quota_bytes = given->quota_bytes;
  made.lock_wait = std::chrono::milliseconds{given->lock_wait_ms};
  made.log_level = static_cast<sdk::LogLevel>(std::min(std::max(given->log_level, 0), 3));
  if (given->log != nullptr) {
    made.log = [log = given->log, user = given->log_user](sdk::LogLevel level,
                                                          std::string_view line) {
      log(user, static_cast<satchel_log_level>(level), slice(line));
    };
  }
  if (given->post != nullptr) {
    made.post = [post = given->post, user = given->post_user](std::function<void()> run) {
      auto task = std::make_unique<satchel_task>();
      task->run = std::move(run);
      post(user, task.release());
    };
  }
  const std::uint32_t timeout =
      given->request_timeout_ms != 0 ? given->request_timeout_ms : kRequestTimeoutMs;
  SATCHEL_TRY(add_keys(*given, std::chrono::milliseconds{timeout}, made));
  return made;
}

}  // namespace satchel::c

using namespace satchel;

extern "C" {

void satchel_request_complete(satchel_request* request, const void* data, size_t size) {
  if (request == nullptr) return;
  const std::unique_ptr<satchel_request> owned{request};
  Bytes answer;
  if (data != nullptr) answer.assign(static_cast<const char*>(data), size);
  owned->request->complete(std::move(answer));
}
void satchel_request_fail(satchel_request* request, satchel_status status) {
  if (request == nullptr) return;
  const std::unique_ptr<satchel_request> owned{request};
  owned->request->complete(
      Error{errc_from_number(status).value_or(Errc::kKeyProvider), "said by the host"});
}
void satchel_task_run(satchel_task* task) {
  if (task == nullptr) return;
  const std::unique_ptr<satchel_task> owned{task};
  owned->run();
}
void satchel_task_drop(satchel_task* task) { const std::unique_ptr<satchel_task> owned{task}; }

}  // extern "C"

#include "crypto/key_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.hpp"

namespace satchel::crypto {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::string_view kSumPrefix = "sum ";

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (is_open()) ::close(descriptor_);
  }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Error provider_error(const std::string& path, std::string_view what) {
  const std::string reason = std::strerror(errno);
  return Error{Errc::kKeyProvider, path + ": " + std::string{what} + ": " + reason};
}

Status check_private(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) {
    return Error{Errc::kKeyProvider, path + ": a key file must be a plain file"};
  }
  if ((status.st_mode & 077) != 0) {
    return Error{Errc::kConfigInvalid,
                 path + ": others may read or change this key file; run: chmod 600 " + path};
  }
  return {};
}

Status write_all(int descriptor, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return provider_error(path, "cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status sync_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const File file{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!file.is_open() || ::fsync(file.get()) != 0) {
    return provider_error(folder, "cannot make the folder durable");
  }
  return {};
}

// Best effort: what a file system does with an overwrite is its own affair, hence
// KeyStrength::kFile.
void overwrite(const File& file) {
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const std::array<char, 512> zeros{};
  for (off_t at = 0; at < status.st_size;) {
    const ssize_t written = ::pwrite(file.get(), zeros.data(), zeros.size(), at);
    if (written <= 0) return;
    at += written;
  }
  static_cast<void>(::fsync(file.get()));
}

SecretBytes with_sum(std::string_view title, const std::vector<SecretBytes>& lines) {
  SecretBytes text{title};
  text.append("\n");
  for (const SecretBytes& line : lines) {
    text.append(line.bytes());
    text.append("\n");
  }
  const std::string sum = to_hex(sha256(text.bytes()));
  text.append(kSumPrefix);
  text.append(sum);
  text.append("\n");
  return text;
}

Result<SecretBytes> read_text(const std::string& path) {
  // Without O_NONBLOCK a pipe in the file's place would wait for a writer.
  const File file{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!file.is_open() && errno == ENOENT) return Error{Errc::kKeyLost, path + ": no such file"};
  if (!file.is_open() && errno == ELOOP) {
    return Error{Errc::kKeyProvider, path + ": a key file must not be a symbolic link"};
  }
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    return provider_error(path, "cannot open");
  }
  SATCHEL_TRY(check_private(path, status));
  SecretBytes text(kFileBytesMax + 1);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.octets().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return provider_error(path, "cannot read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kFileBytesMax) return Error{Errc::kKeyMalformed, path + ": too large for a key file"};
  text.resize(size);
  return text;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

Result<std::vector<SecretBytes>> read_key_file(const std::string& path, std::string_view title) {
  auto text = read_text(path);
  if (!text) return text.error();
  std::vector<SecretBytes> lines;
  ByteView left = text->bytes();
  for (std::size_t end = left.find('\n'); end != ByteView::npos; end = left.find('\n')) {
    lines.emplace_back(left.substr(0, end));
    left.remove_prefix(end + 1);
  }
  if (!left.empty() || lines.size() < 2 || lines.front().bytes() != title) {
    return Error{Errc::kKeyMalformed, path + ": cut, or not a \"" + std::string{title} + "\" file"};
  }
  lines.erase(lines.begin());
  lines.pop_back();
  if (!(with_sum(title, lines) == *text)) {
    return Error{Errc::kKeyMalformed, path + ": its sum does not match its lines"};
  }
  return lines;
}

Status write_key_file(const std::string& path, std::string_view title,
                      const std::vector<SecretBytes>& lines) {
  const File old{::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  const std::string fresh = path + ".new";
  {
    // What an attempt that was cut left behind.
    overwrite(File{::open(fresh.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)});
    static_cast<void>(::unlink(fresh.c_str()));
    const File file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file.is_open()) return provider_error(fresh, "cannot create");
    SATCHEL_TRY(write_all(file.get(), with_sum(title, lines).bytes(), fresh));
    if (::fsync(file.get()) != 0) return provider_error(fresh, "cannot make durable");
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return provider_error(path, "cannot replace");
  SATCHEL_TRY(sync_folder(path));
  // Only now: until the new name is durable a crash may bring the old file back.
  overwrite(old);
  return {};
}

SecretBytes key_line(std::string_view prefix, const Key32& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  SecretBytes line{prefix};
  for (const std::uint8_t octet : key.octets()) {
    line.append(kDigits.substr(octet >> 4, 1));
    line.append(kDigits.substr(octet & 15, 1));
  }
  return line;
}

std::optional<Key32> key_after(ByteView line, std::string_view prefix) {
  if (!line.starts_with(prefix) || line.size() != prefix.size() + 2 * Key32::size()) {
    return std::nullopt;
  }
  line.remove_prefix(prefix.size());
  Key32 key;
  for (std::size_t i = 0; i < Key32::size(); ++i) {
    const auto high = hex_digit(line[2 * i]);
    const auto low = hex_digit(line[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    key.octets()[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return key;
}

}  // namespace satchel::crypto

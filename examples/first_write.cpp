// Enrols a device, writes while the network may be away, reads it back, syncs.
//
//   first_write FOLDER ENROLMENT-CODE
#include <satchel/satchel.hpp>

#include <iostream>

namespace {

constexpr const char* kPurpose = "CustomerRelationshipManagement";

int fail(const satchel::Error& error) {
  std::cerr << error.name() << ": " << error.message() << '\n';
  return error.exit_status();
}

int run(const std::string& folder, const std::string& code) {
  // The README shows these lines.
  satchel::Config config;
  config.path = folder;  // An encrypted replica; its keys in a key store of yours, or a file.
  auto db = satchel::Replica::enroll(config, code);
  if (!db) return fail(db.error());
  auto commit = db->write(kPurpose, [](satchel::Write& tx) -> satchel::Status {
    auto account = tx.create("accounts");
    if (!account) return account.error();
    return tx.put(*account, R"({"name": "Harbour Foods", "phones": ["+44 20 7946 0000"]})");
  });  // Durable now, network or not.
  auto mine = db->read(kPurpose)->query("accounts", R"(name like "Harbour%")");
  auto report = db->sync_once();  // Pushes, merges, fetches.
  // To here.
  if (!commit) return fail(commit.error());
  if (!mine) return fail(mine.error());
  if (!report) return fail(report.error());
  for (std::size_t i = 0; i < mine->size(); ++i) std::cout << (*mine)[i] << '\n';
  std::cout << *report << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) return run(argv[1], argv[2]);
  std::cerr << "usage: first_write FOLDER ENROLMENT-CODE\n";
  return 2;
}

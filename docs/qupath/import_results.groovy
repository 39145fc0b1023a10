/*
 * Imports what nuseg found into all images of the open QuPath project.
 *
 * In QuPath: open the project, then Automate > Script editor > File > Open, and Run.
 * On the command line: QuPath script import_results.groovy -p PROJECT/project.qpproj -a RESULTS
 *
 * The results are those of `nuseg segment ... -o RESULTS`, with the output geojson (the default) or geojson-gz.
 * An image and its results have the same name. Nuclei of an earlier import are replaced; nothing else is touched.
 *
 * QuPath 0.5 or newer.
 */
import qupath.fx.dialogs.FileChoosers
import qupath.lib.io.PathIO

import static qupath.lib.scripting.QP.*

// The folder of results; null asks for it.
def results = args ? new File(args[0]) : null

def project = getProject()
if (project == null) {
    println "No project is open: open one, or drag the results onto the image."
    return
}
if (results == null)
    results = FileChoosers.promptForDirectory("Folder of nuseg's results", new File(buildFilePath(PROJECT_BASE_DIR)))
if (results == null)
    return
if (!new File(results, "geojson").isDirectory()) {
    println "${results}: has no folder geojson: choose the folder that `nuseg segment -o` named."
    return
}

// The name of an image's results: its file's, without the last suffix.
def nameOf = { entry ->
    def uris = entry.getURIs()
    def name = uris ? new File(uris[0].getPath()).getName() : entry.getImageName()
    return name.replaceFirst(/\.[^.]*$/, "")
}

def imported = 0
def missing = []
for (entry in project.getImageList()) {
    def name = nameOf(entry)
    def file = [".geojson", ".geojson.gz"].collect { new File(results, "geojson/" + name + it) }.find { it.isFile() }
    if (file == null) {
        missing << entry.getImageName()
        continue
    }
    // What is open in the viewer is changed there; all other images in their files.
    def isOpen = entry == getProjectEntry()
    def imageData = isOpen ? getCurrentImageData() : entry.readImageData()
    def hierarchy = imageData.getHierarchy()
    def nuclei = PathIO.readObjects(file.toPath())
    def earlier = hierarchy.getDetectionObjects().findAll { "${it.getPathClass()}" == "Nucleus" }
    hierarchy.removeObjects(earlier, true)
    hierarchy.addObjects(nuclei)
    entry.saveImageData(imageData)
    if (!isOpen)
        imageData.getServer().close()
    println "${entry.getImageName()}: ${nuclei.size()} nuclei"
    imported++
}
project.syncChanges()
println "${imported} images with nuclei" + (missing ? "; no results of: ${missing.join(', ')}" : "")
